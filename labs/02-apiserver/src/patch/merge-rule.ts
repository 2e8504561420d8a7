// merge-rule: the words in which the merge rules of a group are written.
//
// Same meaning upstream: Go's struct tags `patchStrategy` and `patchMergeKey`.

export interface MergeRule {
  /** Elements with the same value of this field are the same. Absent: the values themselves are. */
  readonly mergeKey?: string;
  readonly merge: boolean;
  /** Fields that the patch does not name are dropped when it says so with $retainKeys. */
  readonly retainKeys?: boolean;
  /** A map that is not merged but replaced. */
  readonly replace?: boolean;
}

/** By definition name without its first part (`core.v1.PodSpec` stands for io.k8s.api.core.v1.PodSpec), then by field. */
export type MergeRules = Readonly<Record<string, Readonly<Record<string, MergeRule>>>>;

export const byKey = (mergeKey: string): MergeRule => ({ merge: true, mergeKey });
export const asSet: MergeRule = { merge: true };
export const retainKeys: MergeRule = { merge: false, retainKeys: true };
export const replace: MergeRule = { merge: false, replace: true };
/** Of nearly every status. */
export const conditions: Readonly<Record<string, MergeRule>> = { conditions: byKey('type') };
