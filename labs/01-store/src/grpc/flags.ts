// Flags: etcd's command line, as far as it means something for a cluster of one member.
//
// Each flag can also be given by its environment variable, as in etcd: --data-dir is ETCD_DATA_DIR; the command line wins. Flags for a cluster of
// several are taken as long as they say what is true anyway, so that the command lines of others (kubeadm's, a manifest's) work unchanged; one
// that asks for more members is refused.
// Upstream: etcd, etcdmain/config.go and etcdmain/help.go.
// Left out: --config-file, --auth-token=jwt, --auto-tls, certificate revocation lists, v2, pprof, single dashes.
import { Command, InvalidArgumentError, Option } from 'commander';

export interface EtcdFlags {
  readonly name: string;
  readonly dataDir?: string;
  readonly listenClientUrls: readonly URL[];
  readonly advertiseClientUrls?: readonly URL[];
  readonly listenMetricsUrls?: readonly URL[];
  readonly quotaBackendBytes: number;
  readonly snapshotCount: number;
  readonly autoCompactionMode: 'periodic' | 'revision';
  readonly autoCompactionRetention: string;
  readonly maxTxnOps: number;
  readonly maxRequestBytes: number;
  readonly maxConcurrentStreams?: number;
  readonly grpcKeepaliveInterval: number;
  readonly grpcKeepaliveTimeout: number;
  readonly experimentalWatchProgressNotifyInterval: number;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly trustedCaFile?: string;
  readonly clientCertAuth: boolean;
  readonly authTokenTtl: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly v?: number;
  readonly initialAdvertisePeerUrls?: readonly URL[];
  readonly [ignored: string]: unknown;
}

const MS_OF_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

export function etcdCommand(): Command {
  const command = new Command('etcd')
    .description(
      'The versioned key-value store of the cluster, served over etcd’s own gRPC API: etcdctl and etcd’s client libraries work on it.',
    )
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(false);
  const options: Option[] = [];
  const add = (flags: string, text: string, parse?: (value: string) => unknown) => {
    const option = new Option(flags, text);
    option.env(`ETCD_${option.name().replaceAll('-', '_').toUpperCase()}`);
    if (parse !== undefined) option.argParser(parse);
    options.push(option);
    return option;
  };
  addMember(add);
  addLimits(add);
  addSecurity(add);
  addLogging(add);
  addClustering(add);
  for (const option of options) command.addOption(option);
  return command;
}

type Add = (flags: string, text: string, parse?: (value: string) => unknown) => Option;

function addMember(add: Add): void {
  add('--name <name>', 'human-readable name of this member').default('default');
  add('--data-dir <dir>', 'where the data is kept; made if it is not there (default: NAME.etcd)');
  add(
    '--listen-client-urls <urls>',
    'where to listen for clients: http:// or https://, separated by commas; HTTP/1.1 answers /health, /version and /metrics',
    urlsOf,
  ).default(urlsOf('http://localhost:2379'), 'http://localhost:2379');
  add('--advertise-client-urls <urls>', 'what to tell clients (default: where it listens)', urlsOf);
  add('--listen-metrics-urls <urls>', 'more ports for /metrics and /health alone', urlsOf);
  add(
    '--snapshot-count <n>',
    'after how many committed transactions the log is replaced by a snapshot',
    atLeast(1),
  ).default(100_000);
  add(
    '--auto-compaction-mode <mode>',
    'how to read --auto-compaction-retention: periodic or revision',
    oneOf('periodic', 'revision'),
  ).default('periodic');
  add(
    '--auto-compaction-retention <length>',
    'how much history to keep: a duration (5m; a plain number is hours), or a number of revisions; 0 = all of it',
  ).default('0');
  add(
    '--experimental-watch-progress-notify-interval <duration>',
    'how often a silent watch that wants to know hears how far it is',
    durationOf,
  ).default(600_000, '10m');
}

function addLimits(add: Add): void {
  add(
    '--quota-backend-bytes <bytes>',
    'when the data is larger, writes are refused and an alarm is raised; 0 = 2 GiB, negative = no limit',
    atLeast(Number.MIN_SAFE_INTEGER),
  ).default(0);
  add('--max-txn-ops <n>', 'operations in a transaction at most', atLeast(1)).default(128);
  add('--max-request-bytes <bytes>', 'size of a request at most', atLeast(1)).default(1_572_864);
  add('--max-concurrent-streams <n>', 'calls at once of one connection at most', atLeast(1));
  add(
    '--grpc-keepalive-interval <duration>',
    'how often to ask whether a connection is alive; 0 = never',
    durationOf,
  ).default(7_200_000, '2h');
  add(
    '--grpc-keepalive-timeout <duration>',
    'how long to wait for the answer before closing it',
    durationOf,
  ).default(20_000, '20s');
  add('--grpc-keepalive-min-time <duration>', 'taken, and not enforced', durationOf);
}

function addSecurity(add: Add): void {
  add('--cert-file <file>', 'certificate (PEM) for https:// URLs');
  add('--key-file <file>', 'its private key (PEM)');
  add(
    '--trusted-ca-file <file>',
    'authority (PEM) whose certificates clients must show; asks for them',
  );
  add('--client-cert-auth [bool]', 'ask clients for a certificate', booleanOf).default(false);
  add('--auth-token <type>', 'kind of tokens: simple', oneOf('simple')).default('simple');
  add('--auth-token-ttl <seconds>', 'how long a token lives unused', atLeast(1)).default(300);
}

function addLogging(add: Add): void {
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  add('--log-level <level>', levels.join(', '), oneOf(...levels)).default('info');
  add('-v, --v <number>', 'verbosity as in Kubernetes: 4 and more is debug', atLeast(0));
  add('--logger <name>', 'taken, and ignored: lines look as in Kubernetes');
  add('--log-outputs <names>', 'taken, and ignored: lines go to standard error');
}

function addClustering(add: Add): void {
  const alone = 'of a cluster of several; there is one member, which';
  add('--listen-peer-urls <urls>', `${alone} listens to no peers`, urlsOf);
  add('--initial-advertise-peer-urls <urls>', `${alone} only lists them`, urlsOf);
  add('--initial-cluster <members>', `${alone} must be the only one named`, oneMember);
  add('--initial-cluster-state <state>', `${alone} is always new`, oneOf('new'));
  add('--initial-cluster-token <token>', `${alone} has no need of it`);
  add('--heartbeat-interval <ms>', `${alone} has nobody to send it to`, atLeast(1));
  add('--election-timeout <ms>', `${alone} is always elected`, atLeast(1));
}

function urlsOf(text: string): readonly URL[] {
  return text.split(',').map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
      throw new InvalidArgumentError(
        `It takes URLs like http://127.0.0.1:2379, separated by commas, not ${JSON.stringify(part)}.`,
      );
    }
    if (url.pathname !== '/' || url.search !== '') {
      throw new InvalidArgumentError(`A URL here has no path: ${JSON.stringify(part)} does.`);
    }
    return url;
  });
}

function atLeast(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value)) {
      throw new InvalidArgumentError(`It takes a whole number, not ${JSON.stringify(text)}.`);
    }
    if (value < min) throw new InvalidArgumentError(`It takes ${min} or more, not ${value}.`);
    return value;
  };
}

function oneOf(...values: readonly string[]): (text: string) => string {
  return (text) => {
    if (values.includes(text)) return text;
    throw new InvalidArgumentError(`It takes ${values.join(' or ')}, not ${JSON.stringify(text)}.`);
  };
}

function booleanOf(text: string): boolean {
  if (['true', '1', 't'].includes(text)) return true;
  if (['false', '0', 'f'].includes(text)) return false;
  throw new InvalidArgumentError(`It takes true or false, not ${JSON.stringify(text)}.`);
}

function oneMember(text: string): string {
  const members = text.split(',');
  if (members.length === 1 && /^[^=]+=.+$/.test(text)) return text;
  throw new InvalidArgumentError(
    members.length > 1
      ? `This store is a cluster of one member, and ${members.length} are named; for several, run etcd.`
      : `It takes NAME=URL, not ${JSON.stringify(text)}.`,
  );
}

/** Milliseconds of a duration as Go writes it: 300ms, 1h30m. */
export function durationOf(text: string): number {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text)) {
    throw new InvalidArgumentError(
      `It takes a duration like 300ms, 10s or 1h30m, not ${JSON.stringify(text)}.`,
    );
  }
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    ms += Number(amount) * (MS_OF_UNIT[unit] ?? 0);
  }
  return ms;
}
