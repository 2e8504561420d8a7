// node-labels: which labels a kubelet may put on its own node.
//
// Labels steer pods to nodes, so a node that could take any label could draw any pod to itself. Of Kubernetes' own prefixes a kubelet
// sets the well-known few and everything below kubelet.kubernetes.io and node.kubernetes.io; node-restriction.kubernetes.io is
// for administrators alone. Labels without a prefix of Kubernetes are free.
//
// Same rule upstream: kubelet/pkg/apis/well_known_labels.go and plugin/pkg/admission/noderestriction.

const KUBELET_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.kubernetes.io/zone',
  'failure-domain.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const KUBELET_PREFIXES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const KUBERNETES_PREFIXES = ['kubernetes.io', 'k8s.io'];
const ADMINISTRATORS_PREFIX = 'node-restriction.kubernetes.io';

type Labels = Readonly<Record<string, string>>;

/** The labels that differ and that a kubelet may neither set, change nor remove; sorted. */
export function forbiddenLabels(next: Labels = {}, old: Labels = {}): string[] {
  const keys = new Set([...Object.keys(next), ...Object.keys(old)]);
  return [...keys].filter((key) => next[key] !== old[key] && isForbidden(key)).sort();
}

function isForbidden(key: string): boolean {
  const prefix = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
  if (isWithin(prefix, ADMINISTRATORS_PREFIX)) return true;
  const isKubernetes = KUBERNETES_PREFIXES.some((domain) => isWithin(prefix, domain));
  if (!isKubernetes || KUBELET_LABELS.has(key)) return false;
  return !KUBELET_PREFIXES.some((domain) => isWithin(prefix, domain));
}

function isWithin(prefix: string, domain: string): boolean {
  return prefix === domain || prefix.endsWith(`.${domain}`);
}
