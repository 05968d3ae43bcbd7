import { Document, type Scalar, type YAMLMap } from "yaml";

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
