import { passThrough } from '../lib/cli/pass-through.js';
import { kind } from '../steps/kind.js';

export default passThrough('kind', kind, 'Runs the built kind: npm run kind -- get clusters');
