import { Session } from "node:inspector/promises";
import type { PluginOptions } from "../harness/plugin.js";
import type { ModuleSource } from "../harness/source.js";
import { defaultExchange } from "./default-exchange.js";
import type { BenchExchange } from "./subject.js";
import { Subject } from "./subject.js";
import { warmUp } from "./warm-up.js";

/**
 * Profiles warm exchanges with V8's sampler, every 100 µs.
 *
 * @returns The text of a `.cpuprofile`, as Chrome's developer tools and editors read it. Functions of the guest have their names
 *   where the module has a name section.
 */
export async function profile(
  source: ModuleSource,
  options: PluginOptions,
  exchanges: readonly BenchExchange[] = [defaultExchange],
  mostMs = 1000,
): Promise<string> {
  const subject = await Subject.load(source, { budgetMs: 10_000, ...options }, exchanges, 1);
  warmUp(subject, false);
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 100 });
    await session.post("Profiler.start");
    const end = performance.now() + mostMs;
    while (performance.now() < end) {
      subject.fresh();
      subject.sample(200);
    }
    const { profile: found } = await session.post("Profiler.stop");
    return `${JSON.stringify(found)}\n`;
  } finally {
    session.disconnect();
    subject.close();
  }
}
