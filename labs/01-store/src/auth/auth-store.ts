// AuthStore: who may do what, kept with the keys but not among them; passwords and tokens included.
//
// Rules of use
//   - change() takes one of the functions of auth-state.ts. What it makes is durable before anybody sees it; changes queue up.
//   - authenticate() turns a password into a token, userOf() a token into a user.
//   - Off until it is enabled: then userOf() answers undefined, which means that nobody asks.
// Upstream: etcd, auth/store.go. Left out: JWT, the cost of hashing as a flag.
import { type Clock, realClock } from '../clock.ts';
import { GrpcError } from '../grpc/status.ts';
import { StoreError } from '../kv.ts';
import type { Meta } from '../meta.ts';
import { type AuthState, get, NEW_STATE, ROOT } from './auth-state.ts';
import { verifyPassword } from './password.ts';
import { type Permission, permits, type Range } from './permissions.ts';
import { SimpleTokens } from './tokens.ts';

export interface AuthStoreOptions {
  readonly tokenTtlSeconds?: number;
  readonly clock?: Clock;
}

/** What a caller brings along to say who he is. */
export interface Credentials {
  readonly token: string | undefined;
  /** From the certificate that the client showed. */
  readonly commonName: string | undefined;
}

const NAME = 'auth';
const TOKEN_TTL_SECONDS = 300;

export class AuthStore {
  readonly #meta: Pick<Meta, 'get' | 'set'>;
  readonly #tokens: SimpleTokens;
  #state: AuthState;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(meta: Pick<Meta, 'get' | 'set'>, options: AuthStoreOptions = {}) {
    const { tokenTtlSeconds = TOKEN_TTL_SECONDS, clock = realClock } = options;
    this.#meta = meta;
    this.#state = stateOf(meta.get(NAME));
    this.#tokens = new SimpleTokens(clock, tokenTtlSeconds);
  }

  get state(): AuthState {
    return this.#state;
  }

  get isEnabled(): boolean {
    return this.#state.isEnabled;
  }

  /** Makes the change durable, then true. A change that changes nothing costs nothing. */
  change(make: (state: AuthState) => AuthState): Promise<void> {
    const change = this.#lastChange.then(async () => {
      const made = make(this.#state);
      if (made === this.#state) return;
      await this.#meta.set(NAME, Buffer.from(JSON.stringify(made)));
      const wasEnabled = this.#state.isEnabled;
      this.#state = made;
      if (wasEnabled && !made.isEnabled) this.#tokens.clear();
    });
    this.#lastChange = change.catch(() => undefined);
    return change;
  }

  async authenticate(name: string, password: string): Promise<string> {
    if (!this.isEnabled) {
      throw new GrpcError('FAILED_PRECONDITION', 'etcdserver: authentication is not enabled');
    }
    const hash = get(this.#state.users, name)?.passwordHash;
    const isRight = typeof hash === 'string' && (await verifyPassword(password, hash));
    // The password may have been changed while it was checked.
    if (!isRight || get(this.#state.users, name)?.passwordHash !== hash) {
      const text = 'etcdserver: authentication failed, invalid user ID or password';
      throw new GrpcError('INVALID_ARGUMENT', text);
    }
    return this.#tokens.assign(name, this.#state.revision);
  }

  forgetTokens(user: string): void {
    this.#tokens.forget(user);
  }

  /** Who is calling; undefined = nobody asks. */
  userOf({ token, commonName }: Credentials): string | undefined {
    if (!this.isEnabled) return undefined;
    if (token !== undefined) {
      const user = this.#tokens.use(token);
      if (user !== undefined) return user;
      throw new GrpcError('UNAUTHENTICATED', 'etcdserver: invalid auth token');
    }
    if (commonName !== undefined) return commonName;
    throw new GrpcError('INVALID_ARGUMENT', 'etcdserver: user name is empty');
  }

  isRoot(user: string): boolean {
    return get(this.#state.users, user)?.roles.includes(ROOT) === true;
  }

  hasRole(user: string, role: string): boolean {
    return get(this.#state.users, user)?.roles.includes(role) === true;
  }

  assertMay(user: string | undefined, access: 'read' | 'write', range: Range): void {
    if (user === undefined || this.isRoot(user)) return;
    if (!permits(this.#permissionsOf(user), access, range)) throw permissionDenied();
  }

  assertAdmin(user: string | undefined): void {
    if (user !== undefined && !this.isRoot(user)) throw permissionDenied();
  }

  #permissionsOf(user: string): readonly Permission[] {
    const { users, roles } = this.#state;
    return (get(users, user)?.roles ?? []).flatMap((role) => get(roles, role)?.permissions ?? []);
  }
}

export function permissionDenied(): GrpcError {
  return new GrpcError('PERMISSION_DENIED', 'etcdserver: permission denied');
}

function stateOf(bytes: Uint8Array | undefined): AuthState {
  if (bytes === undefined) return NEW_STATE;
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as AuthState;
  } catch (error) {
    // Going on without would open the store to everybody.
    const text = `cannot read users and roles: ${(error as Error).message}`;
    throw new StoreError('corrupt', text, { cause: error });
  }
}
