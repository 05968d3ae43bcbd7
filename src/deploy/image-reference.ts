import { HarnessError } from "../errors.js";

/** Where an image is in a registry. */
export interface ImageReference {
  /** `ghcr.io`, `127.0.0.1:5000` */
  readonly registry: string;
  /** `org/name` */
  readonly repository: string;
  readonly tag: string;
}

const repositoryForm = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const tagForm = /^\w[\w.-]{0,127}$/;

/**
 * `registry/repository[:tag]`, with or without `oci://`.
 *
 * @throws {HarnessError} OPTION_INVALID, with the part that is wrong.
 */
export function imageReference(given: string): ImageReference {
  const text = given.replace(/^oci:\/\//, "");
  const refuse = (why: string): never => {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot use image "${given}": ${why}; write registry.example.com/team/filter:v1`,
    );
  };
  const slash = text.indexOf("/");
  if (/^\w+:\/\//.test(text)) refuse("only oci:// may stand in front of it");
  if (slash <= 0) refuse("the registry is missing");
  const registry = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  if (rest.includes("@")) refuse("what it is to be called is wanted, and a digest is what it will have");
  const colon = rest.lastIndexOf(":");
  const [repository, tag] = colon < 0 ? [rest, "latest"] : [rest.slice(0, colon), rest.slice(colon + 1)];
  if (!/^[\w.-]+(:\d+)?$|^\[[0-9a-f:]+\](:\d+)?$/i.test(registry)) refuse(`"${registry}" is no host`);
  if (!repositoryForm.test(repository))
    refuse(`"${repository}" is no repository: lower-case letters, digits, and . _ - / between them`);
  if (!tagForm.test(tag)) refuse(`"${tag}" is no tag`);
  return { registry, repository, tag };
}
