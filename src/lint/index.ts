export { applyFixes } from "./fix.js";
export type { Fixed } from "./fix.js";
export { lintGithub, lintJson, lintSarif } from "./formats.js";
export { lint, lintTexts } from "./lint.js";
export type { LintOptions, LintResult, TextFile } from "./lint.js";
export { ruleFamilies } from "./rules.js";
export type { RuleFamily } from "./rules.js";
export type { Edit, Finding, Rule, Severity } from "./rule.js";
