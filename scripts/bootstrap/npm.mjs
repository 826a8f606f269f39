// What to say when npm fails. Plain Node: there are no packages yet.

/**
 * Says that there is no npm, which Debian and Ubuntu package apart from Node.
 * @param {string} node path of the node that runs
 * @returns {string}
 */
export function npmMissing(node) {
  const hint = node.startsWith('/usr/bin/')
    ? 'sudo apt-get update && sudo apt-get install --yes npm'
    : `It comes with Node, and stands beside ${node} then: is that folder on PATH?`;
  return `✖ npm is missing: the toolkit's packages are installed with it\n  ${hint}`;
}

/**
 * What to do, by what npm printed; the first that fits.
 * @type {ReadonlyArray<readonly [RegExp, (root: string) => string]>}
 */
const HINTS = [
  [/ENOSPC|no space left/i, () => 'The disk is full: df -h . shows what is left.'],
  [/cache folder contains root-owned files/i, () => 'npm\'s own cache belongs to root: sudo chown -R "$(id -u):$(id -g)" ~/.npm'],
  [
    /\b(?:EACCES|EPERM)\b/,
    (root) => `A file belongs to another user, most likely since a run as root: sudo chown -R "$(id -u):$(id -g)" ${word(root)}`,
  ],
  [/\bEROFS\b/, () => 'The file system is read-only: clone the repository where you may write.'],
  [/\b407\b|EPROXY|ERR_PROXY|tunneling socket/i, () => 'The proxy refuses: see npm config get https-proxy, and https_proxy.'],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_HAS_EXPIRED/,
    () => 'The certificate is not one that Node knows: NODE_EXTRA_CA_CERTS=FILE names one more; a wrong clock (date) has the same effect.',
  ],
  [
    /\b(?:ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/,
    () => 'The registry cannot be reached: check the network, npm config get registry, and https_proxy where a proxy must be used.',
  ],
  [/\bE(?:401|403|404)\b/, () => 'The registry refuses or lacks a package: see npm config get registry, and npm login where it wants one.'],
  [/\bEINTEGRITY\b/, () => 'The registry sends another package than the pinned one: see npm config get registry; npm cache clean --force.'],
  [
    /package-lock\.json.*not in sync|\bEUSAGE\b/,
    () => 'package.json and package-lock.json do not fit together: git status, git checkout package-lock.json',
  ],
];

/**
 * Says that the packages could not be installed, and what to do.
 * @param {{root: string, ended: string, output: string}} run folder, how npm ended, what it printed
 * @returns {string}
 */
export function npmFailed({ root, ended, output }) {
  const found = HINTS.find(([pattern]) => pattern.test(output));
  const hint = found === undefined ? "Check the network and npm's registry setting, then run the same command again." : found[1](root);
  return `✖ npm packages could not be installed\n  cd ${word(root)} && npm ci → ${ended}\n  ${hint}`;
}

/**
 * @param {string} text
 * @returns {string} as a word for a shell
 */
function word(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
