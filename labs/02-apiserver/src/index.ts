// @kube-labs/apiserver: the public names of lab 02, and nothing else.
//
// Three parts live in this lab: the server, the schema of the objects it serves, and the client library with the base
// of every component process. Other labs import them from here only; of the server nothing is loaded before it is used. Lines stay
// sorted by file.

export type { HealthServerOptions, LogFields, Logger, LoggerOptions } from '@kube-labs/store';
export {
  createLogger,
  healthListener,
  messageOf,
  runMain,
  silentLogger,
  startHealthServer,
} from '@kube-labs/store';
export type { ApiErrorOptions, ApiErrorReason, GroupKind, GroupResource } from './api-error.ts';
export { ApiError } from './api-error.ts';
export type { TokenEntry } from './auth/static-token.ts';
export type { User } from './auth/user.ts';
export { allResources } from './client/all-resources.ts';
export type {
  ApplyOptions,
  DeleteOptions,
  ListOptions,
  ListResult,
  PatchType,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client/client.ts';
export { Client } from './client/client.ts';
export type { Clock } from './client/clock.ts';
export { FakeClock, realClock, sleep } from './client/clock.ts';
export type { InformerHandler } from './client/deltas.ts';
export type { ServerResource, ServerResources } from './client/discovery.ts';
export {
  discoveryFailure,
  preferredResources,
  serverPreferredResources,
  serverResources,
} from './client/discovery.ts';
export type { EventRecorderOptions, EventType } from './client/event-recorder.ts';
export { EventRecorder } from './client/event-recorder.ts';
export { inClusterNamespace, loadInClusterConfig } from './client/in-cluster.ts';
export type { InformerOptions } from './client/informer.ts';
export { Informer } from './client/informer.ts';
export { loadKubeconfig } from './client/kubeconfig.ts';
export type { LabelRequirement, Labels } from './client/label-requirement.ts';
export { matchesRequirement, matchesRequirements } from './client/label-requirement.ts';
export type { LeaderElectorOptions } from './client/leader-elector.ts';
export { LeaderElector } from './client/leader-elector.ts';
export type { ListerSelection } from './client/lister.ts';
export { Lister } from './client/lister.ts';
export { milliOf, parseQuantity } from './client/quantity.ts';
export type { RateLimit } from './client/rate-limiter.ts';
export { RateLimiter } from './client/rate-limiter.ts';
export type { ReflectorOptions, ReflectorTarget } from './client/reflector.ts';
export { Reflector } from './client/reflector.ts';
export type { KubernetesObject, ObjectRef, ResourceType } from './client/resources.ts';
export { apiVersionOf, keyOf, resources, splitKey } from './client/resources.ts';
export {
  formatLabelSelector,
  matchesLabels,
  matchesSelector,
  parseLabelSelector,
  requirementsOf,
} from './client/selectors.ts';
export type { ClientOptions } from './client/transport.ts';
export type { Reconcile, WorkQueueOptions } from './client/work-queue.ts';
export { WorkQueue } from './client/work-queue.ts';
export type { PreparedPod } from './registry/pod-manifest.ts';
export type { ApiServerOptions } from './server/api-server-options.ts';
export {
  createCertificateAuthority,
  issueCertificate,
  preparePod,
  startTestApiServer,
} from './server/on-demand.ts';
export type { CertificatePair, CertificateRequest } from './server/pki.ts';
export type { TestApiServer } from './server/test-api-server.ts';
