// Heap: gives the least item first; adding and taking cost the logarithm of the number of items.
//
// Invariant: no item is less than its parent, which stands at half its position. Same idea upstream: pkg/scheduler/backend/heap.

export class Heap<T> {
  readonly #less: (one: T, other: T) => boolean;
  readonly #items: T[] = [];

  constructor(less: (one: T, other: T) => boolean) {
    this.#less = less;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLess(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): T | undefined {
    const least = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return least;
    this.#items[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = right < this.#items.length && this.#isLess(right, left) ? right : left;
      if (child >= this.#items.length || !this.#isLess(child, at)) return least;
      this.#swap(at, child);
      at = child;
    }
  }

  #isLess(one: number, other: number): boolean {
    return this.#less(this.#items[one] as T, this.#items[other] as T);
  }

  #swap(one: number, other: number): void {
    const items = this.#items;
    [items[one], items[other]] = [items[other] as T, items[one] as T];
  }
}
