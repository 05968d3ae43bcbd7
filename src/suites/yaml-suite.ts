import type { Node as YamlNode } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { utf8ByteString } from "../abi/bytes.js";
import type { Where } from "../scenario/types.js";
import type { FieldNode, MessageNode, Node } from "./node.js";
import { suiteError } from "./node.js";

/**
 * Reads the YAML form: the same schema field by field. A list is a repeated field.
 *
 * @throws {HarnessError} SCENARIO_INVALID with file, line and column.
 */
export function parseYamlSuite(text: string, file: string): MessageNode {
  const lines = new LineCounter();
  const place = (offset: number): Where => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const [problem] = document.errors;
  if (problem !== undefined) throw suiteError(place(problem.pos[0]), problem.message);
  const at = (node: YamlNode | null | undefined): Where => place(node?.range?.[0] ?? 0);

  const messageOf = (node: YamlNode, depth: number): MessageNode => {
    if (!isMap(node)) throw suiteError(at(node), "A mapping of fields is wanted");
    if (depth > 100) throw suiteError(at(node), "Messages are nested more than 100 deep");
    const fields: FieldNode[] = [];
    for (const { key, value } of node.items) {
      const where = at(key as YamlNode);
      const name = isScalar(key) ? String(key.value) : "";
      const given = resolved(value as YamlNode | null);
      if (isSeq(given)) {
        for (const item of given.items) fields.push({ name, where, value: valueOf(item as YamlNode, depth) });
      } else if (given !== undefined) fields.push({ name, where, value: valueOf(given, depth) });
    }
    return { kind: "message", where: at(node), fields };
  };

  const valueOf = (given: YamlNode, depth: number): Node => {
    const node = resolved(given);
    if (node === undefined || !isScalar(node)) return messageOf(node ?? given, depth + 1);
    const where = at(node);
    const { value } = node;
    if (typeof value === "string") return { kind: "string", where, text: utf8ByteString(value) };
    // what is written counts: 007 for a string is "007"
    const source = typeof node.source === "string" ? node.source : String(value);
    return { kind: typeof value === "number" || typeof value === "bigint" ? "number" : "word", where, text: source };
  };

  const resolved = (node: YamlNode | null | undefined): YamlNode | undefined =>
    (isAlias(node) ? node.resolve(document) : node) ?? undefined;

  const top = resolved(document.contents as YamlNode | null);
  if (top === undefined) return { kind: "message", where: { file, line: 1, column: 1 }, fields: [] };
  return messageOf(top, 0);
}
