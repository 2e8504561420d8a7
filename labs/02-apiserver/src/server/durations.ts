// Durations: a histogram of seconds whose observers know their series already.
//
// Some times are taken at every request, some forty times for one write. To find a series by its labels at each of them, as prom-client does,
// would cost more than what is measured; so they are added up in plain numbers, and become text only when somebody asks.
//
// Same format upstream: Prometheus' text exposition.

export type ObserveSeconds = (seconds: number) => void;

interface Series {
  readonly labels: string;
  /** Of each bucket alone; the last is for what is longer than all. */
  readonly counts: number[];
  sum: number;
}

export class Durations {
  readonly #name: string;
  readonly #head: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Series>();

  /** `buckets`: their upper bounds, ascending. */
  constructor(name: string, help: string, buckets: readonly number[]) {
    this.#name = name;
    this.#head = `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
    this.#buckets = buckets;
  }

  /** Of the series with these labels. Keep it: it is what costs. */
  observer(labels: Readonly<Record<string, string>>): ObserveSeconds {
    const series = this.#seriesOf(labels);
    const buckets = this.#buckets;
    return (seconds) => {
      let bucket = 0;
      while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket += 1;
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
      series.sum += seconds;
    };
  }

  text(): string {
    const lines = [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let total = 0;
      const buckets = counts.map((count, index) => {
        total += count;
        return `${this.#name}_bucket{${labels},le="${this.#buckets[index] ?? '+Inf'}"} ${total}`;
      });
      return [
        ...buckets,
        `${this.#name}_sum{${labels}} ${sum}`,
        `${this.#name}_count{${labels}} ${total}`,
      ];
    });
    return `${this.#head}${lines.map((line) => `${line}\n`).join('')}`;
  }

  #seriesOf(labels: Readonly<Record<string, string>>): Series {
    const text = Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(',');
    const counts = new Array<number>(this.#buckets.length + 1).fill(0);
    const series = this.#series.get(text) ?? { labels: text, counts, sum: 0 };
    this.#series.set(text, series);
    return series;
  }
}
