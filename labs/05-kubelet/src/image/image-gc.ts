// ImageGc: which images go when the disk is full, or when nobody has used them for long. Pure.
//
// Above the high threshold as many go as bring the disk's use down to the low one: those first that nobody has used for the
// longest time, and among these the oldest. What is in use stays, and so does what is younger than the minimum age: a pod may
// be on its way that was the reason to pull it.
//
// Same idea upstream: kubernetes, pkg/kubelet/images/image_gc_manager.go.

export interface ImageGcPolicy {
  readonly highThresholdPercent: number;
  readonly lowThresholdPercent: number;
  readonly ageMinMs: number;
  /** Images that nobody uses go after this time, however much room there is; 0 is never. */
  readonly unusedMaxMs: number;
}

export interface DiskUse {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

export interface KnownImage {
  readonly name: string;
  readonly id: string;
  readonly sizeBytes: number;
  /** When it came here. */
  readonly detectedAtMs: number;
  /** When somebody was last seen to use it; 0 is never. */
  readonly usedAtMs: number;
  readonly isUsed: boolean;
}

/** 0 while there is room. */
export function bytesToFree(disk: DiskUse, policy: ImageGcPolicy): number {
  const { capacityBytes, availableBytes } = disk;
  const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
  if (usedPercent < policy.highThresholdPercent) return 0;
  const wanted = Math.floor((capacityBytes * (100 - policy.lowThresholdPercent)) / 100);
  return Math.max(0, wanted - availableBytes);
}

/** Those that may go, in the order in which they should. */
export function disposableImages(
  images: readonly KnownImage[],
  { nowMs, ageMinMs }: { readonly nowMs: number; readonly ageMinMs: number },
): readonly KnownImage[] {
  return images
    .filter(({ isUsed, detectedAtMs }) => !isUsed && nowMs - detectedAtMs >= ageMinMs)
    .sort((a, b) => a.usedAtMs - b.usedAtMs || a.detectedAtMs - b.detectedAtMs);
}

/** Those that nobody has used for too long. */
export function outdatedImages(
  images: readonly KnownImage[],
  { nowMs, unusedMaxMs }: { readonly nowMs: number; readonly unusedMaxMs: number },
): readonly KnownImage[] {
  if (unusedMaxMs === 0) return [];
  return images.filter(({ isUsed, usedAtMs, detectedAtMs }) => {
    return !isUsed && nowMs - Math.max(usedAtMs, detectedAtMs) > unusedMaxMs;
  });
}
