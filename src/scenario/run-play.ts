import { HarnessError } from "../errors.js";
import { failureWith } from "../fuzz/configuration.js";
import { givenPlayers, givenProperties } from "../fuzz/given-properties.js";
import { Player } from "../fuzz/player.js";
import { propertiesNamed } from "../fuzz/properties.js";
import type { Case, CaseResult, Failure } from "./types.js";

/** As `pwh fuzz` has it. */
const defaultBudgetMs = 500;

/** Plays a case of `pwh fuzz` again, and checks its properties. Fails too when the plugin does not start, or fails without a fault of the host. */
export async function runPlay(one: Case): Promise<CaseResult> {
  const begun = performance.now();
  let failures: readonly Failure[];
  try {
    failures = await played(one);
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    const { code, message, details } = thrown;
    failures = [{ where: one.where, code, message: `${code}: ${message}`, details }];
  }
  const outcome = failures.length === 0 ? "passed" : "failed";
  return { outcome, failures, durationMs: performance.now() - begun, logs: [] };
}

async function played({ play, proxy, where }: Case): Promise<Failure[]> {
  const { case: given, holds, declared, profiles } = play!;
  const filter = proxy.filters[0]!;
  const { budgetMs = defaultBudgetMs, seed = 1, envoy } = proxy;
  const failures: Failure[] = [];
  if (holds.includes("configuration-robust")) {
    const broken = await failureWith(filter, budgetMs);
    if (broken !== undefined) {
      const { code, message, details } = broken;
      failures.push({ where, code, message: `configuration-robust: ${message}`, details });
    }
    if (given === undefined && holds.length === 1) return failures;
  }
  const names = holds.filter((name) => name !== "configuration-robust" && name !== "starts");
  const lists = await givenPlayers(filter, {
    names,
    ...(declared && { declared }),
    ...(profiles && { profiles }),
    budgetMs,
    seed,
  });
  let player: Player | undefined;
  try {
    player = await Player.create(filter, {
      budgetMs,
      seed,
      faults: given?.faults !== undefined,
      ...(envoy !== undefined && { envoy }),
    });
    if (given === undefined) return failures;
    const result = player.play(given);
    const again = player.play.bind(player);
    for (const property of names.length === 0 ? [] : propertiesNamed(names, givenProperties(lists))) {
      const broken = property.check(given, result, again, true);
      if (broken === undefined) continue;
      failures.push({ where, message: `${property.name}: ${broken.message}`, details: broken.details ?? [] });
    }
    const { failure } = result;
    if (failures.length === 0 && failure !== undefined && given.faults === undefined) {
      const { code, message, details } = failure;
      failures.push({ where, code, message: `${code}: ${message}`, details });
    }
    return failures;
  } finally {
    player?.close();
    lists.close();
  }
}
