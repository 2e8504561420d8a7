// kube-labs: `npx tsx labs/08-full-cluster …` starts here; all it does is run the launcher's main.
import './src/main.ts';
