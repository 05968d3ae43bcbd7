import type { PluginFilterOptions } from "../plugin-filter.js";
import { didYouMean } from "../../abi/nearest.js";
import { HarnessError } from "../../errors.js";
import type { Behaviour } from "../../host/behaviour.js";
import { envoy140, wasi2020, wasi2021, wasi2024 } from "./behaviour.js";
import type { DeprecatedField } from "./deprecated.js";

/**
 * What differs between releases of Envoy: a row of answers. Nothing else in `src` compares versions.
 *
 * Rows of the behaviour reference, section 0, that no profile here can differ in have no member: those that changed before 1.19,
 * the clearing of the route cache (all ABI versions that exist clear it), and what is not known well enough to be played: overflow
 * while a guest buffers (to 1.32), local replies that re-enter the encoder chain (to about 1.28), tokens of calls by root context
 * (1.19).
 */
export interface Profile {
  readonly release: string;
  /** Whether `test/recordings` has what a real Envoy of this release did. If not, its answers come from sources and notes. */
  readonly recorded: boolean;
  /** The host's half. */
  readonly host: Behaviour;
  /** 1.40 no longer wants capability restrictions there. */
  readonly deprecatedFields: readonly DeprecatedField[];
  /** `x-envoy-upstream-stream-duration-ms` of an external client reaches the filters. To 1.39. */
  readonly passesStreamDuration: boolean;
  /** Bytes that a filter added in a callback it continues from are not lost. From 1.39.1. */
  readonly forwardsAddedData: boolean;
  /** Statistic `wasm.wasm_vm_count`. From 1.39.1. */
  readonly countsVms: boolean;
  /** A filter and an access logger with equal name, root id and configuration have one root context. From 1.39.1. */
  readonly loggersShareRoots: boolean;
  /** VMs of a cluster's filters are counted under `cluster.<name>.wasm.`. To 1.38. */
  readonly clustersCountVms: boolean;
  /** The connection that was made for a request, and lost when Envoy refused that at the last moment, is made again. To 1.38. */
  readonly reconnectsForUnsent: boolean;
  /** The 503 of a refused connection says why: `, transport failure reason: …`. To 1.37. */
  readonly explainsRefusal: boolean;
  /** `keep-alive` of an upstream reaches the filters. To 1.37. */
  readonly passesKeepAlive: boolean;
  /** HTTP/2: response trailers that leave on a stream which was reset are dropped. To 1.39 they end Envoy, as over HTTP/1. */
  readonly dropsLateTrailers: boolean;
  /** Code of RST_STREAM when Envoy gives a stream up: 0 in 1.36. */
  readonly resetCode: 0 | 2;
  /** HTTP/2 to a client: fields of one name follow each other, and a NUL parts a value in two. 1.36. */
  readonly groupsFields: boolean;
  /** Properties `request.headers_bytes`, `response.headers_bytes`. From 1.37. */
  readonly headersBytes: boolean;
  /** Foreign function `sign`, and PEM keys for it and for `verify_signature`. From 1.37. */
  readonly signs: boolean;
  /** `set_envoy_filter_state` acts on the effective context. Before 1.37: on the one that the VM was entered with. */
  readonly filterStateOfEffective: boolean;
  /** The log line about a filter state set with another life span names it. From 1.37 or 1.38. */
  readonly namesConflicts: boolean;
  /** `allow_on_headers_stop_iteration` is a field. From 1.35. */
  readonly hasAllowStop: boolean;
  /** `failure_policy` and `reload_config` are fields. From 1.33. */
  readonly hasFailurePolicy: boolean;
  /** After a pause a body callback sees the new bytes behind the held ones; before 1.33 the held ones only. */
  readonly showsNewBytes: boolean;
  /** A second local reply on a stream counts; before 1.33 it is ignored. */
  readonly repeatsLocalReplies: boolean;
  /** `node`, `cluster_name` … can be read without `xds.`. Before 1.33. */
  readonly topLevelXds: boolean;
  /** Foreign function `clear_route_cache`. From 1.33. */
  readonly clearsRouteCache: boolean;
  /** What names of metrics begin with: nothing before 1.20. */
  readonly metricPrefix: "wasmcustom." | "";
  /** A cluster's name is a gRPC target; before 1.20 only a GrpcService is. */
  readonly grpcClusterNames: boolean;
  /** A plugin's HTTP call carries `x-forwarded-for`. Before 1.20, as far as is known. */
  readonly callsForwardedFor: boolean;
}

type Differences = Partial<Omit<Profile, "release" | "recorded" | "host">> & { readonly host?: Partial<Behaviour> };

const newest: Profile = {
  release: "1.40.0",
  recorded: true,
  host: envoy140,
  deprecatedFields: ["fail_open", "capability_restriction_config"],
  passesStreamDuration: false,
  forwardsAddedData: true,
  countsVms: true,
  loggersShareRoots: true,
  clustersCountVms: false,
  reconnectsForUnsent: false,
  explainsRefusal: false,
  passesKeepAlive: false,
  dropsLateTrailers: true,
  resetCode: 2,
  groupsFields: false,
  headersBytes: true,
  signs: true,
  filterStateOfEffective: true,
  namesConflicts: true,
  hasAllowStop: true,
  hasFailurePolicy: true,
  showsNewBytes: true,
  repeatsLocalReplies: true,
  topLevelXds: false,
  clearsRouteCache: true,
  metricPrefix: "wasmcustom.",
  grpcClusterNames: true,
  callsForwardedFor: false,
};

/** Releases, the newest first, with what each did otherwise than the one above it. */
const history: readonly (readonly [release: string, recorded: boolean, before?: Differences])[] = [
  ["1.39.3", true, { deprecatedFields: ["fail_open"], passesStreamDuration: true, dropsLateTrailers: false }],
  [
    "1.38.2",
    true,
    {
      host: { backtraceFrames: 10, wasiFunctions: new Set(wasi2024) },
      forwardsAddedData: false,
      countsVms: false,
      loggersShareRoots: false,
      clustersCountVms: true,
      reconnectsForUnsent: true,
    },
  ],
  ["1.37.0", false, { explainsRefusal: true, passesKeepAlive: true }],
  [
    "1.36.4",
    true,
    {
      resetCode: 0,
      groupsFields: true,
      headersBytes: false,
      signs: false,
      filterStateOfEffective: false,
      namesConflicts: false,
    },
  ],
  ["1.35", false],
  ["1.34", false, { hasAllowStop: false }],
  ["1.33", false],
  [
    "1.32",
    false,
    {
      host: { wasiFunctions: new Set(wasi2021) },
      hasFailurePolicy: false,
      showsNewBytes: false,
      repeatsLocalReplies: false,
      topLevelXds: true,
      clearsRouteCache: false,
    },
  ],
  ...Array.from({ length: 11 }, (_, i) => [`1.${31 - i}`, false] as const),
  ["1.20", false, { host: { wasiFunctions: new Set(wasi2020) } }],
  ["1.19", false, { metricPrefix: "", grpcClusterNames: false, callsForwardedFor: true }],
];

/** All profiles, the newest first. */
export const profiles: readonly Profile[] = allProfiles();

function allProfiles(): Profile[] {
  const all = [newest];
  let after = newest;
  for (const [release, recorded, before = {}] of history) {
    const host = { ...after.host, ...before.host, source: `Envoy ${release}` };
    all.push((after = Object.assign({}, after, before, { release, recorded, host })));
  }
  return all;
}

export const newestProfile: Profile = newest;

/** Releases of Istio by the Envoy that they were built from: from one to the next, one each. Deployment reference, section 10. */
const istioOffset = 8;
/** Minor releases of Istio with a profile. */
export const istioMinors = { oldest: 11, newest: 31 } as const;

/**
 * The profile of a release: `1.40`, `1.36.4` (any patch is that of its minor release), or `istio-1.11`, the Envoy in an Istio.
 *
 * @param name Default: the newest recorded.
 * @throws {HarnessError} OPTION_INVALID for a release without a profile, with those there are.
 */
export function profileOf(name?: string): Profile {
  if (name === undefined) return newestProfile;
  const [, istio, minor] = /^(istio-)?v?1\.(\d+)(?:\.\d+)?$/.exec(name.trim().toLowerCase()) ?? [];
  const wanted = istio === undefined ? Number(minor) : envoyOfIstio(Number(minor));
  const found = profiles.find(({ release }) => minorOf(release) === wanted);
  if (found !== undefined) return found;
  const names = profiles.map(({ release }) => `1.${minorOf(release)}`);
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot be Envoy "${name}"${didYouMean(name, names)}: there are ${names.at(-1)} to ${names[0]}, ` +
      `and istio-1.${istioMinors.oldest} to istio-1.${istioMinors.newest}`,
  );
}

/** What a filter does by the release it runs in. */
export const filterBehaviour = ({ showsNewBytes, repeatsLocalReplies }: Profile): PluginFilterOptions => ({
  cumulativeBody: showsNewBytes,
  repeatsLocalReplies,
});

/** What to say of a release that nobody could record; undefined for others. */
export const notRecorded = ({ release, recorded }: Profile): string | undefined =>
  recorded
    ? undefined
    : `Envoy ${release} is not recorded: what is known of it comes from its sources and notes, and no real one was compared`;

const minorOf = (release: string): number => Number(release.split(".")[1]);

const envoyOfIstio = (minor: number): number | undefined =>
  minor >= istioMinors.oldest && minor <= istioMinors.newest ? minor + istioOffset : undefined;
