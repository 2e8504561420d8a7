// VolumeError: why a pod's volume cannot be had, as the whole sentence that its event says.
//
// Any other error is one of setting a volume up, and gets upstream's words for that in front.
//
// Same idea upstream: GenerateError in kubernetes, pkg/volume/util/operationexecutor.

import { messageOf } from '@kube-labs/apiserver';

export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

/** @param volume the persistent volume's name where there is one, else the name in the pod. */
export function setUpMessage(volume: string, error: unknown): string {
  if (error instanceof VolumeError) return error.message;
  return `MountVolume.SetUp failed for volume "${volume}" : ${messageOf(error)}`;
}
