import { passThrough } from '../lib/cli/pass-through.js';
import { kind } from '../steps/kind.js';

export default passThrough('kind', kind, { summary: 'Runs the built kind.', manual: ['For example:', '  npm run kind -- get clusters'] });
