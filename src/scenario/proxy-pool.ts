import { HarnessError } from "../errors.js";
import type { Proxy, ProxySnapshot } from "../harness/proxy.js";
import { createProxy } from "../harness/create-proxy.js";
import type { Upstream, UpstreamOptions } from "../harness/upstreams.js";
import type { CaseRun } from "./case-run.js";
import type { Case, ScenarioUpstream } from "./types.js";

/** A proxy that was started, and how it was then. */
interface Slot {
  readonly proxy: Proxy;
  /** Undefined where there cannot be one: the proxy serves a single case. */
  readonly snapshot: ProxySnapshot | undefined;
  /** Whose answers its upstreams give. */
  run: CaseRun | undefined;
}

/** Proxies that are kept at the same time: each holds the memory of its VMs twice. */
const kept = 16;

/**
 * Proxies for cases. Those that want the same one get it one after the other, each as it was when it had started; so a case
 * with fresh state costs a restore, and modules are compiled and started once.
 */
export class ProxyPool implements Disposable {
  /** Free ones by what they are made of, the longest unused first. */
  private readonly _free = new Map<string, Slot>();

  /** A proxy as just started, on which `run` answers. @throws {HarnessError} As `createProxy`. */
  async take(one: Case, run: CaseRun): Promise<Lease> {
    const key = keyOf(one);
    let slot = this._free.get(key);
    this._free.delete(key);
    if (slot === undefined) slot = await start(one, run);
    else slot.run = run;
    return new Lease(this._free, key, slot);
  }

  [Symbol.dispose](): void {
    for (const { proxy } of this._free.values()) proxy.close();
    this._free.clear();
  }
}

/** A proxy in use. */
export class Lease {
  readonly proxy: Proxy;
  private readonly _free: Map<string, Slot>;
  private readonly _key: string;
  private readonly _slot: Slot;

  constructor(free: Map<string, Slot>, key: string, slot: Slot) {
    this.proxy = slot.proxy;
    this._free = free;
    this._key = key;
    this._slot = slot;
  }

  /** @param broken It was left in the middle of something: nobody else gets it. */
  end(broken: boolean): void {
    const { proxy, snapshot } = this._slot;
    this._slot.run = undefined;
    if (broken || snapshot === undefined || this._free.has(this._key)) return close(proxy);
    proxy.restore(snapshot);
    this._free.set(this._key, this._slot);
    if (this._free.size <= kept) return;
    const [oldest, { proxy: unused }] = this._free.entries().next().value!;
    this._free.delete(oldest);
    close(unused);
  }
}

/** The result is known: what a plugin does wrong when it is ended tells nothing about the case. */
function close(proxy: Proxy): void {
  try {
    proxy.close();
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
  }
}

async function start(one: Case, run: CaseRun): Promise<Slot> {
  const slotRef: { slot?: Slot } = {};
  const current = (): CaseRun => slotRef.slot?.run ?? run;
  const upstreams = Object.fromEntries(one.upstreams.map((given) => [given.name, upstreamOf(given, current)]));
  const proxy = await createProxy({ ...one.proxy, upstreams });
  return (slotRef.slot = { proxy, snapshot: snapshotOf(proxy), run });
}

/** None of a proxy whose plugin waits for an answer from the start. */
function snapshotOf(proxy: Proxy): ProxySnapshot | undefined {
  try {
    return proxy.snapshot();
  } catch (thrown) {
    if (thrown instanceof HarnessError && thrown.code === "ILLEGAL_CALL") return undefined;
    throw thrown;
  }
}

function upstreamOf(given: ScenarioUpstream, run: () => CaseRun): UpstreamOptions {
  const { protocol, trailers, address, unhealthy } = given;
  // a refused connection is refused before there is a request that a function could answer
  const answer: Upstream = isRefused(given) ? { fault: "refused" } : (request) => run().answer(request);
  return {
    answer,
    ...(protocol && { protocol }),
    ...(trailers !== undefined && { enableTrailers: trailers }),
    ...(address !== undefined && { address }),
    ...(unhealthy !== undefined && { unhealthy }),
  };
}

function isRefused({ replies }: ScenarioUpstream): boolean {
  const [first] = replies;
  return replies.length === 1 && typeof first === "object" && first.fault === "refused";
}

/** Equal for cases whose proxies are made of the same. What upstreams answer is the case's own. */
function keyOf({ proxy, upstreams }: Case): string {
  const fixed = upstreams.map((one) => ({ ...one, where: undefined, replies: isRefused(one) }));
  return JSON.stringify([proxy, fixed], (_, value: unknown) => {
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("base64")}`;
    return value instanceof RegExp ? String(value) : value;
  });
}
