import { describe, expect, test } from 'vitest';
import { type SignalledProcess, stopOnSignals } from '../../../scripts/lib/core/signals.js';
import { fakeClock } from '../../support/context.js';

/** A process that signals can be sent to, and what became of its run. */
function run() {
  const clock = fakeClock();
  const heard = new Map<string, () => void>();
  const [stop, atOnce] = [new AbortController(), new AbortController()];
  const exits: number[] = [];
  const said: string[] = [];
  const on: SignalledProcess = { on: (signal, act) => heard.set(signal, act), exit: (code) => exits.push(code) };
  stopOnSignals(on, { stop, atOnce }, clock.now, (text) => said.push(text));
  return { clock, stop: stop.signal, atOnce: atOnce.signal, exits, said, send: (signal: string) => heard.get(signal)?.() };
}

describe('a run', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('is stopped by %s, and goes on to put things right', (signal, exitCode) => {
    const { send, stop, atOnce, exits } = run();
    send(signal);
    expect(stop.reason).toMatchObject({ message: `stopped by ${signal}`, exitCode });
    expect([atOnce.aborted, exits]).toEqual([false, []]);
  });

  test('is not ended by a Ctrl-C that comes twice, from the terminal and through npm', () => {
    const { send, clock, atOnce, exits } = run();
    send('SIGINT');
    clock.pass(300);
    send('SIGINT');
    expect([atOnce.aborted, exits]).toEqual([false, []]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('that hangs while it puts things right is ended at once by a second signal, %s, and says what may be left', (signal, exitCode) => {
    const { send, clock, stop, atOnce, exits, said } = run();
    send('SIGINT');
    clock.pass(5000);
    send(signal);
    expect(stop.reason).toMatchObject({ message: 'stopped by SIGINT' });
    expect([atOnce.aborted, exits]).toEqual([true, [exitCode]]);
    expect(said.join('\n')).toMatch(new RegExp(`^✖ ended at once by ${signal}, the second signal\n.*may be left.*\n.*npm run doctor`));
  });
});
