import { RE2JS } from "re2js";
import { messageOf } from "../errors.js";
import { suiteError } from "./node.js";
import type { StringMatcher } from "./suite.js";
import { latin1ToUtf8 } from "./text.js";

/** A matcher that can be asked. `read` gives the bytes of a file beside the suite. */
export interface ReadyMatcher {
  readonly matcher: StringMatcher;
  /** @param text Bytes as characters 0 to 255. */
  matches(text: string): boolean;
}

/** @throws {HarnessError} SCENARIO_INVALID for a pattern that RE2 refuses; FILE_UNREADABLE. */
export async function readyMatcher(
  matcher: StringMatcher,
  read: (path: string) => Promise<string>,
): Promise<ReadyMatcher> {
  if (matcher.kind === "regex") {
    const pattern = compile(matcher);
    return { matcher, matches: (text) => pattern.matches(latin1ToUtf8(text)) };
  }
  const wanted = matcher.kind === "file" ? await read(matcher.text) : matcher.text;
  return { matcher, matches: (text) => text === wanted };
}

function compile({ text, where }: StringMatcher): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (thrown) {
    throw suiteError(where, `RE2 refuses the pattern ${JSON.stringify(text)}: ${messageOf(thrown)}`);
  }
}

/** Does any of the texts match, or, inverted, none? */
export function holds({ matcher, matches }: ReadyMatcher, texts: readonly string[]): boolean {
  return texts.some(matches) !== matcher.invert;
}

/** What was wanted, for a person. */
export function wordsOf({ invert, kind, text }: StringMatcher): string {
  const what =
    kind === "exact" ? JSON.stringify(latin1ToUtf8(text)) : kind === "regex" ? `/${text}/` : `the content of ${text}`;
  return invert ? `nothing that is ${what}` : what;
}
