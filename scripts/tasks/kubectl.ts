import { passThrough } from '../lib/cli/pass-through.js';
import { kubeContext } from '../lib/cluster/kubectl.js';
import { kubernetes } from '../steps/kubernetes.js';

export default passThrough(
  'kubectl',
  kubernetes,
  'Runs the built kubectl on the toolkit’s cluster: npm run kubectl -- get pods -A',
  (clusterName) => ['--context', kubeContext(clusterName)],
);
