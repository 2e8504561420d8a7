// Etcd3Client: the package's client for one member of an etcd, with what all of this lab wants of it.
//
// No repeating, no circuit breaker, no choice of its own: etcd3-endpoints.ts decides. A deadline for every call.
// Upstream: etcd, clientv3/client.go.
import { noop } from 'cockatiel';
import { Etcd3, type IHashKVRequest, type IHashKVResponse } from 'etcd3';

/** etcd allows a ping every 5 s at most. */
const KEEPALIVE_MS = 10_000;
/** A member that is back must be noticed soon; by default a client waits up to two minutes. */
const RECONNECT_MS = { initial: 100, max: 2000 };

export interface ClientOptions {
  /** PEM files' contents, for https. */
  tls?: { ca: Buffer; cert?: Buffer; key?: Buffer };
  /** Who we are, for an etcd with authentication. */
  auth?: { username: string; password: string };
  /** How long one member may take to answer, and how long a read is repeated. */
  requestTimeoutMs: number;
}

export class Etcd3Client extends Etcd3 {
  constructor(endpoint: string, { tls, auth, requestTimeoutMs }: ClientOptions) {
    super({
      hosts: [endpoint],
      ...(tls === undefined ? {} : { credentials: credentialsOf(tls) }),
      ...(auth === undefined ? {} : { auth }),
      faultHandling: { global: noop, host: () => noop },
      defaultCallOptions: ({ isStream }) =>
        isStream ? {} : { deadline: Date.now() + requestTimeoutMs },
      grpcOptions: {
        'grpc.max_receive_message_length': -1,
        'grpc.keepalive_time_ms': KEEPALIVE_MS,
        'grpc.keepalive_timeout_ms': requestTimeoutMs,
        'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.initial,
        'grpc.max_reconnect_backoff_ms': RECONNECT_MS.max,
      },
    });
  }

  /** The package's maintenance.hashKV() calls its method by a name that it does not have. */
  hashKv(request: IHashKVRequest): Promise<IHashKVResponse> {
    return this.pool.exec('Maintenance', 'HashKV', request);
  }
}

function credentialsOf({ ca, cert, key }: NonNullable<ClientOptions['tls']>) {
  return {
    rootCertificate: ca,
    ...(key === undefined ? {} : { privateKey: key }),
    ...(cert === undefined ? {} : { certChain: cert }),
  };
}
