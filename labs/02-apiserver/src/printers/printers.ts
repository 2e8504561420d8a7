// printers: which kind is printed how.

import {
  configMapPrinter,
  defaultPrinter,
  eventPrinter,
  leasePrinter,
  namespacePrinter,
  nodePrinter,
  secretPrinter,
  serviceAccountPrinter,
} from './cluster.ts';
import { endpointSlicePrinter, endpointsPrinter, servicePrinter } from './network.ts';
import { podPrinter } from './pod.ts';
import type { Printer } from './table.ts';
import {
  daemonSetPrinter,
  deploymentPrinter,
  replicaSetPrinter,
  replicationControllerPrinter,
} from './workloads.ts';

const PRINTERS: Readonly<Record<string, object>> = {
  ConfigMap: configMapPrinter,
  DaemonSet: daemonSetPrinter,
  Deployment: deploymentPrinter,
  EndpointSlice: endpointSlicePrinter,
  Endpoints: endpointsPrinter,
  Event: eventPrinter,
  Lease: leasePrinter,
  Namespace: namespacePrinter,
  Node: nodePrinter,
  Pod: podPrinter,
  ReplicaSet: replicaSetPrinter,
  ReplicationController: replicationControllerPrinter,
  Secret: secretPrinter,
  Service: servicePrinter,
  ServiceAccount: serviceAccountPrinter,
};

/** The registry hands a printer only objects of its own kind, whose schema was checked when they were written. */
export function printerOf(kind: string): Printer {
  return (PRINTERS[kind] ?? defaultPrinter) as Printer;
}
