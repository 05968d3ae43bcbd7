import type { ByteString } from "../../abi/bytes.js";
import { MetricType } from "../../abi/enums.js";

/** One statistic of the process. All VMs that define its name and type share it. */
export interface Metric {
  readonly type: MetricType;
  readonly name: ByteString;
  /** Counters and gauges: modulo 2^64. */
  value: bigint;
  /** Was anything added or recorded? Envoy lists and hands to sinks only those, where asked for used ones. */
  used: boolean;
  /** Histograms: what was recorded, in order. */
  readonly samples: bigint[];
}

/** Statistics of the whole process, by type and name. Envoy prints them as `wasmcustom.<name>`. */
export class MetricStore {
  #metrics = new Map<string, Metric>();

  define(type: MetricType, name: ByteString): Metric {
    const key = `${type}:${name}`;
    let metric = this.#metrics.get(key);
    if (metric === undefined) this.#metrics.set(key, (metric = { type, name, value: 0n, used: false, samples: [] }));
    return metric;
  }

  /** The metric of this name, the first defined if several types share it. */
  find(name: string): Metric | undefined {
    for (const metric of this.#metrics.values()) if (metric.name === name) return metric;
    return undefined;
  }

  all(): readonly Metric[] {
    return [...this.#metrics.values()];
  }

  capture(): unknown {
    return [...this.#metrics].map(
      ([key, metric]) => [key, metric, metric.value, metric.used, [...metric.samples]] as const,
    );
  }

  /** Puts values back into the very same objects: VMs hold on to them by id. */
  restore(captured: unknown): void {
    if (this.#metrics.size > 0) this.#metrics.clear();
    for (const [key, metric, value, used, samples] of captured as [string, Metric, bigint, boolean, bigint[]][]) {
      metric.value = value;
      metric.used = used;
      metric.samples.splice(0);
      for (const sample of samples) metric.samples.push(sample);
      this.#metrics.set(key, metric);
    }
  }
}

/** The metrics one VM has defined: ids are 4, 8 … for counters, 5, 9 … for gauges, 6, 10 … for histograms. [H] */
export class VmMetrics {
  readonly store: MetricStore;
  readonly #byId = new Map<number, Metric>();
  readonly #last = [0, 1, 2];

  constructor(store: MetricStore) {
    this.store = store;
  }

  /** A new id each time, also for a name that has one: both then mean the same metric. */
  define(type: MetricType, name: ByteString): number {
    const id = (this.#last[type] = this.#last[type]! + 4);
    this.#byId.set(id, this.store.define(type, name));
    return id;
  }

  get(id: number): Metric | undefined {
    return this.#byId.get(id);
  }

  get count(): number {
    return this.#byId.size;
  }

  /** The type that the low bits of an id speak of; undefined for 3. */
  static typeOf(id: number): MetricType | undefined {
    const bits = id & 3;
    return bits === MetricType.Counter || bits === MetricType.Gauge || bits === MetricType.Histogram ? bits : undefined;
  }

  capture(): unknown {
    return { last: [...this.#last], ids: [...this.#byId] };
  }

  restore(captured: unknown): void {
    const { last, ids } = captured as { last: number[]; ids: [number, Metric][] };
    for (let i = 0; i < last.length; i++) this.#last[i] = last[i]!;
    if (this.#byId.size > 0) this.#byId.clear();
    for (const [id, metric] of ids) this.#byId.set(id, metric);
  }
}
