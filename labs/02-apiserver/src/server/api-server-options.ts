// ApiServerOptions: everything that can be said about a server when it is started.
//
// What is undefined is absent: a server with a store and a certificate alone answers every known user everything. Parts that look at
// objects (token authenticators) are given as functions of the ServerEnv, because the registries are made by the server.
//
// Same idea upstream: cmd/kube-apiserver/app/options and apiserver, server/config.go.

import type { KeyValueStore, Logger } from '@kube-labs/store';
import type { AdmissionOptions } from '../admission/plugins.ts';
import type { ProxyCredentials } from '../aggregator/remote-request.ts';
import type { Auditor } from '../audit/auditor.ts';
import type { AuthenticationOptions } from '../auth/build-authenticator.ts';
import type { TokenEntry } from '../auth/static-token.ts';
import type { AuthorizationOptions } from '../authz/build-authorization.ts';
import type { Clock } from '../client/clock.ts';
import type { Transformer } from '../encryption/transformer.ts';
import type { FlowController } from '../fairness/flow-controller.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { RuntimeConfig } from '../registry/runtime-config.ts';
import type { KubeletCredentials } from './kubelet-proxy.ts';
import type { PostStartHook } from './post-start-hooks.ts';
import type { Dial } from './proxy-target.ts';

export interface ApiServerOptions {
  readonly store: KeyValueStore;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Stops the server, also while it still starts. */
  readonly signal?: AbortSignal;

  // Serving.
  readonly bindAddress?: string;
  /** 0 is any free port. */
  readonly securePort?: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly disableHttp2Serving?: boolean;
  /** How long an ordinary request may take. Default: a minute. */
  readonly requestTimeoutMs?: number;
  /** How long the server still serves once it is told to stop, no longer ready, so that load balancers notice. */
  readonly shutdownDelayMs?: number;
  /** Where the others reach this server. */
  readonly advertiseAddress?: string;

  // Who asks.
  /** PEM of the authority whose certificates prove users. */
  readonly clientCa?: string;
  readonly tokens?: readonly TokenEntry[];
  readonly authentication?: AuthenticationOptions;

  // What they may do, and what is written down of it.
  /** Undefined: every user that is known may do everything. */
  readonly authorization?: AuthorizationOptions;
  readonly audit?: Auditor;
  readonly flowController?: FlowController;
  readonly admission?: AdmissionOptions;

  // What is served; what is stored, and how.
  /** Groups and versions that are on or off against their default. */
  readonly runtimeConfig?: RuntimeConfig;
  readonly serviceClusterIpRange?: string;
  readonly serviceNodePortRange?: string;
  readonly eventTtlSeconds?: number;
  /** Encryption at rest, a resource. */
  readonly transformerOf?: (definition: ResourceDefinition) => Transformer | undefined;

  // What the server does by itself, besides what every server does.
  readonly postStartHooks?: readonly PostStartHook[];

  readonly kubeletClient?: KubeletCredentials;
  /** How proxies reach pods and services, where that is not by a plain connection. */
  readonly clusterDial?: Dial;
  /** Exec, attach and port-forward over SPDY end after so long without a frame. Default: 4 hours. */
  readonly streamingIdleTimeoutMs?: number;
  /** What this server shows to the servers behind APIServices. */
  readonly proxyClient?: ProxyCredentials;
  /** As in `admission`; here for those who set nothing else of it. */
  readonly defaultNotReadyTolerationSeconds?: number;
  readonly defaultUnreachableTolerationSeconds?: number;
}
