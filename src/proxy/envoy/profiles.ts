import type { Behaviour } from "../../host/behaviour.js";
import type { DeprecatedField } from "./deprecated.js";
import { envoy140 } from "./behaviour.js";

/** What differs between releases of Envoy: a row of answers. Nothing else in `src` compares versions. */
export interface Profile {
  readonly release: string;
  readonly host: Behaviour;
  /** 1.39.1: bytes that a filter added in a callback it continues from are not lost. */
  readonly forwardsAddedData: boolean;
  /** 1.40 no longer wants capability restrictions there. */
  readonly deprecatedFields: readonly DeprecatedField[];
}

export const newestProfile: Profile = {
  release: "1.40.0",
  host: envoy140,
  forwardsAddedData: true,
  deprecatedFields: ["fail_open", "capability_restriction_config"],
};
