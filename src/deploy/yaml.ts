import { Document, type Scalar, type YAMLMap } from "yaml";
import { HarnessError } from "../errors.js";

export const refusedName = (what: string, name: string): HarnessError =>
  refusal(
    `${what} "${name}" makes no name that Kubernetes takes: lower-case letters, digits and "-", a letter or digit at both ends; "." only in names of objects; not too long`,
  );

export const refusal = (why: string): HarnessError =>
  new HarnessError("OPTION_INVALID", `Cannot write manifests: ${why}`);

/** YAML 1.1 decides what is quoted: `on` and `1.10` stay strings for every reader of Kubernetes manifests. */
export const manifest = (value: object): Document =>
  new Document(value, { version: "1.1", aliasDuplicateObjects: false });

export const text = (document: Document): string =>
  document.toString({ lineWidth: 0, indentSeq: false, singleQuote: true });
export const yaml = (value: object): string => text(manifest(value));

/** A line above a key. */
export function comment(document: Document, path: readonly (string | number)[], key: string, why: string): void {
  const map = document.getIn(path) as YAMLMap<Scalar<string>, unknown>;
  const pair = map.items.find((one) => one.key.value === key);
  if (pair !== undefined) pair.key.commentBefore = ` ${why}`;
}
