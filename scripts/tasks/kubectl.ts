import { passThrough } from '../lib/cli/pass-through.js';
import { kubeContext } from '../lib/cluster/kubectl.js';
import { kubernetes } from '../steps/kubernetes.js';

export default passThrough('kubectl', kubernetes, {
  summary: 'Runs the built kubectl on the toolkit’s cluster.',
  manual: [
    'For example, and on a cluster of another name:',
    '  npm run kubectl -- get pods -A',
    '  npm run kubectl -- --context kind-NAME get pods -A',
  ],
  first: (clusterName) => ['--context', kubeContext(clusterName)],
});
