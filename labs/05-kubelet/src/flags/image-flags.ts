// ImageFlags: how many images are pulled at a time, and when those that nobody uses go.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options, and pkg/kubelet/apis/config/v1beta1/defaults.go.

import { type Command, InvalidArgumentError } from 'commander';
import type { ImageGcPolicy } from '../image/image-gc.ts';
import { bool, count, time } from './flag-values.ts';

export interface ImageOptions {
  readonly imagePullsMax: number;
  readonly imageGc: ImageGcPolicy;
}

export interface ImageFlags {
  readonly serializeImagePulls: boolean;
  readonly maxParallelImagePulls?: number;
  readonly imageGcHighThreshold: number;
  readonly imageGcLowThreshold: number;
  readonly minimumImageTtlDuration: number;
  readonly imageMaximumGcAge: number;
}

export function addImageFlags(command: Command): void {
  command
    .option('--serialize-image-pulls <bool>', 'one pull at a time', bool, true)
    .option('--max-parallel-image-pulls <n>', 'at a time, unless they are serialized', count)
    .option('--image-gc-high-threshold <percent>', 'disk use that starts it', percent, 85)
    .option('--image-gc-low-threshold <percent>', 'disk use that ends it', percent, 80)
    .option('--minimum-image-ttl-duration <time>', 'younger images stay', time, 120_000)
    .option('--image-maximum-gc-age <time>', 'unused for longer they go; 0 is never', time, 0);
}

export function imageOptionsOf(flags: ImageFlags): ImageOptions {
  const { serializeImagePulls, maxParallelImagePulls: wantedMax } = flags;
  if (serializeImagePulls && (wantedMax ?? 1) > 1) {
    throw new InvalidArgumentError(
      `--max-parallel-image-pulls ${wantedMax} cannot be larger than 1 unless --serialize-image-pulls is false.`,
    );
  }
  if (flags.imageGcLowThreshold > flags.imageGcHighThreshold) {
    throw new InvalidArgumentError(
      `--image-gc-low-threshold ${flags.imageGcLowThreshold} cannot be higher than --image-gc-high-threshold ${flags.imageGcHighThreshold}.`,
    );
  }
  return {
    imagePullsMax: serializeImagePulls ? 1 : (wantedMax ?? Number.POSITIVE_INFINITY),
    imageGc: {
      highThresholdPercent: flags.imageGcHighThreshold,
      lowThresholdPercent: flags.imageGcLowThreshold,
      ageMinMs: flags.minimumImageTtlDuration,
      unusedMaxMs: flags.imageMaximumGcAge,
    },
  };
}

function percent(text: string): number {
  const value = count(text);
  if (value > 100) throw new InvalidArgumentError(`want a percentage, got ${text}.`);
  return value;
}
