// SlowStart: does something many times, in batches of 1, 2, 4, …, and stops at the first batch that fails.
//
// A replica set whose Pods are all refused (quota, a bad image name in an admission rule) thus costs the
// API server one request a try, not five hundred.
//
// Upstream: kubernetes, pkg/controller/replicaset, slowStartBatch.

/** Runs `task` up to `count` times. Returns how often it succeeded, and the first error if one stopped it. */
export async function slowStart(
  count: number,
  task: (index: number) => Promise<void>,
): Promise<{ readonly succeeded: number; readonly error?: unknown }> {
  let succeeded = 0;
  for (let batch = Math.min(count, 1); batch > 0; batch = Math.min(2 * batch, count - succeeded)) {
    const first = succeeded;
    const indexes = Array.from({ length: batch }, (_unused, offset) => first + offset);
    const results = await Promise.allSettled(indexes.map((index) => task(index)));
    const failure = results.find((result) => result.status === 'rejected');
    succeeded += results.filter((result) => result.status === 'fulfilled').length;
    if (failure !== undefined) return { succeeded, error: failure.reason };
  }
  return { succeeded };
}
