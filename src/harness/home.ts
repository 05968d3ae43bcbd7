import type { Diagnostic } from "../host/diagnostics.js";
import { Guard } from "../host/guard.js";
import { HostProcess } from "../host/process.js";
import { Clock } from "../host/services/clock.js";
import { dnsAnswers } from "../host/services/dns.js";
import { SeededRandom } from "../host/services/random.js";
import { processProperty } from "../proxy/envoy/attributes.js";
import { givenProperties } from "../proxy/envoy/given-properties.js";
import { profileOf } from "../proxy/envoy/profiles.js";
import { foreignFunctions } from "../proxy/envoy/foreign/index.js";
import type { ManualCallouts } from "./calls.js";
import { diagnosticsOf } from "./diagnostics.js";
import type { PluginOptions } from "./plugin.js";
import { budgetOf, logLevelOf } from "./option-values.js";

/** What plugins of one process share. */
export interface Home<C extends ManualCallouts = ManualCallouts> {
  readonly process: HostProcess;
  readonly callouts: C;
  readonly diagnostics: Diagnostic[];
  readonly guard: Guard;
}

const clockOf = ({ startTime, realClock }: PluginOptions): Clock =>
  new Clock({
    ...(startTime && { startNs: BigInt(startTime.getTime()) * 1_000_000n }),
    ...(realClock !== undefined && { real: realClock }),
  });

/** A process with a virtual clock, whose calls go to what `callouts` makes. @throws {HarnessError} OPTION_INVALID */
export function newHome<C extends ManualCallouts>(
  options: PluginOptions,
  callouts: (clock: Clock) => C,
  clock = clockOf(options),
): Home<C> {
  const calls = callouts(clock);
  const properties = options.properties ?? {};
  givenProperties(properties); // what is wrong in them is told now
  const process = new HostProcess({
    behaviour: profileOf(options.envoy).host,
    callouts: calls,
    clock,
    random: new SeededRandom(options.seed ?? 1),
    logLevel: logLevelOf(options.logLevel ?? "info"),
    property: (segments) => processProperty(properties, segments),
    foreignFunctions: foreignFunctions(options.foreignFunctions ?? {}, properties),
    resolveDns: dnsAnswers(options.resolveDns ?? {}),
  });
  return {
    process,
    callouts: calls,
    diagnostics: diagnosticsOf(process, calls),
    guard: new Guard(budgetOf(options.budgetMs)),
  };
}
