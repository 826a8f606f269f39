/**
 * Runs a command in a process group of its own and ends that group when standard input does: SIGTERM, and SIGKILL to what is left
 * after ten seconds, for mmdebstrap removes its half-made tree first. This is how commands that run as root are ended: their user may
 * not signal them (kill(2), EPERM), and sudo hands on neither what the terminal sends nor what comes from its parent's process group
 * (sudo(8), "Signal handling"). It holds when the user's process is killed too, and asks for no password.
 *
 * Standard input is that of this script alone. Background commands of a shell ignore SIGINT (POSIX, 2.9.3.1), so Ctrl-C, which reaches
 * the shell where sudo gives it no terminal of its own, ends nothing before its time.
 */
const SUPERVISE = `trap : HUP INT QUIT TERM
exec 3<&0 </dev/null
setsid "$@" 3<&- & pid=$!
{
  trap '' HUP INT QUIT TERM
  read -r _
  trap '' USR1
  kill -s TERM -- "-$pid"
  i=0
  while [ $i -lt 100 ] && kill -s 0 -- "-$pid"; do sleep 0.1; i=$((i + 1)); done
  kill -s KILL -- "-$pid"
} <&3 3<&- >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait "$pid" 2>/dev/null; code=$?
while kill -s 0 "$pid" 2>/dev/null; do wait "$pid" 2>/dev/null; code=$?; done
{ kill -s USR1 "$watcher"; wait "$watcher"; } 2>/dev/null
exit "$code"`;

/**
 * The words after `sudo` that run a command as root so that it can be ended. A password is asked for before the steps begin, never here.
 * @param args what asRoot gives: `--`, the program, its arguments
 */
export function supervised(args: readonly string[]): string[] {
  return ['-n', '--', 'sh', '-c', SUPERVISE, 'sh', ...args.filter((word, index) => index > 0 || word !== '--')];
}
