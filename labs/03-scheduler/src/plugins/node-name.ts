// NodeName: a pod that names its node goes there or nowhere.
//
// Filter  rejects every other node.
//
// A pod whose spec.nodeName is set is as good as scheduled and never comes here; the rule stays for whoever asks the
// plugins about a pod that is placed already. Same rule upstream: pkg/scheduler/framework/plugins/nodename.

import { FITS, type Plugin, rejects } from '../framework.ts';

const REASON = "node(s) didn't match the requested node name";

export const nodeName: Plugin = {
  name: 'NodeName',
  helpedBy: ['NodeAdd'],
  filter(pod, node) {
    const wanted = pod.spec?.nodeName ?? '';
    return wanted === '' || wanted === node.name ? FITS : rejects(REASON);
  },
};
