import type { Pair } from "../abi/pairs.js";
import type { FuzzCase } from "./case.js";
import type { LeftMessage, Played } from "./player.js";
import { Player } from "./player.js";
import type { FuzzProperty, Violation } from "./properties.js";
import { HarnessError } from "../errors.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import { plainModule } from "./plain-module.js";
import { difference } from "./properties.js";

/** What these properties need besides the plugin. */
export interface GivenProperties {
  /** Headers that the plugin may add, change and remove, in lower case. */
  readonly declared: readonly string[] | undefined;
  /** A proxy without the plugin: what it sends is not the plugin's work. There when a list is given. */
  readonly plain: Player | undefined;
  /** The same plugin in other releases of Envoy. */
  readonly releases: readonly Release[];
}

export interface Release {
  readonly name: string;
  readonly player: Player;
  /** The release without the plugin: where it differs by itself, that is not the plugin's fault. */
  readonly plain: Player;
}

export const declaredHeadersOnly = "declared-headers-only";
export const profilesAgree = "profiles-agree";

/** Properties that say something only once a list is given. Each is checked when its list is. */
export function givenProperties({ declared, plain, releases }: GivenProperties): FuzzProperty[] {
  return [
    {
      name: declaredHeadersOnly,
      compares: true,
      summary: "only headers that were declared are added, changed or removed",
      byDefault: declared !== undefined,
      check: (given, played) => (declared === undefined ? undefined : undeclared(declared, plain!, given, played)),
    },
    {
      name: profilesAgree,
      compares: true,
      summary: "the outcome is the same in every chosen release of Envoy",
      byDefault: releases.length > 0,
      check(given, played) {
        if (given.repeat > 1) return undefined;
        for (const { name, player, plain: other } of releases) {
          const found = firstDifference(played, player.play(given));
          if (found !== undefined && firstDifference(plain!.play(given), other.play(given)) === undefined)
            return { cause: name, message: `in Envoy ${name} otherwise: ${found}` };
        }
        return undefined;
      },
    },
  ];
}

function firstDifference(a: Played, b: Played): string | undefined {
  for (const [i, outcome] of a.outcomes.entries()) {
    const found = difference(outcome, b.outcomes[i], true);
    if (found !== undefined) return found;
  }
  return a.outcomes.length < b.outcomes.length ? "the plugin fails in one of them" : undefined;
}

function undeclared(
  declared: readonly string[],
  plain: Player,
  given: FuzzCase,
  { outcomes }: Played,
): Violation | undefined {
  if (given.repeat > 1) return undefined;
  const { outcomes: without } = plain.play(given);
  for (const [i, outcome] of outcomes.entries()) {
    const other = without[i];
    if (outcome.upstream === undefined || other?.upstream === undefined) continue; // the plugin answered by itself
    const inRequest = firstOther(declared, other.upstream, outcome.upstream);
    if (inRequest !== undefined) return { cause: `request ${inRequest}`, message: `the upstream gets ${inRequest}` };
    if (outcome.status === 0 || outcome.status !== other.status) continue;
    const inResponse = firstOther(declared, other.response, outcome.response);
    if (inResponse !== undefined) return { cause: `response ${inResponse}`, message: `the client gets ${inResponse}` };
  }
  return undefined;
}

/** What follows from a body that changed, and what is made anew for each request. */
const consequences: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "x-request-id"]);

function firstOther(declared: readonly string[], before: LeftMessage, after: LeftMessage): string | undefined {
  for (const name of new Set([...before.headers, ...after.headers].map(([one]) => one))) {
    if (declared.includes(name) || consequences.has(name)) continue;
    const [had, has] = [valuesOf(before.headers, name), valuesOf(after.headers, name)];
    if (had === has) continue;
    if (has === "") return `no ${name}, which the plugin removed and did not declare`;
    const what = had === "" ? `${name}, which the plugin added` : `another ${name}, which the plugin changed`;
    return `${what} and did not declare`;
  }
  return undefined;
}

const valuesOf = (headers: readonly Pair[], name: string): string =>
  headers.flatMap(([one, value]) => (one === name ? [`${value}\n`] : [])).join("");

export interface GivenPlayers extends GivenProperties {
  close(): void;
}

/** No list was given. */
export const noPlayers: GivenProperties = { declared: undefined, plain: undefined, releases: [] };

/**
 * Starts what the lists need.
 *
 * @param names Of the properties that were asked for.
 * @throws {HarnessError} OPTION_INVALID for a property that needs a list and has none, and for a release that there is none of.
 */
export async function givenPlayers(
  filter: FilterOptions,
  options: {
    readonly names: readonly string[];
    readonly declared?: readonly string[];
    readonly profiles?: readonly string[];
    readonly budgetMs: number;
    readonly seed: number;
  },
): Promise<GivenPlayers> {
  const { names, declared, profiles, budgetMs, seed } = options;
  const wants = (name: string, list: unknown, option: string): void => {
    if (names.includes(name) && list === undefined)
      throw new HarnessError("OPTION_INVALID", `Cannot check ${name}: give ${option}`);
  };
  wants(declaredHeadersOnly, declared, "the headers that the plugin may change, with --declared or `declared`");
  wants(profilesAgree, profiles, "releases of Envoy, with --profiles or `profiles`");
  const players: Player[] = [];
  const close = (): void => {
    for (const one of players) one.close();
  };
  const player = async (of: FilterOptions, envoy?: string): Promise<Player> => {
    const made = await Player.create(of, { budgetMs, seed, ...(envoy !== undefined && { envoy }) });
    players.push(made);
    return made;
  };
  const nothing: FilterOptions = { module: plainModule() };
  const releases: Release[] = [];
  try {
    for (const name of profiles ?? [])
      releases.push({ name, player: await player(filter, name), plain: await player(nothing, name) });
    const plain = declared || profiles ? await player(nothing) : undefined;
    return { declared: declared?.map((name) => name.toLowerCase()), plain, releases, close };
  } catch (thrown) {
    close();
    throw thrown;
  }
}
