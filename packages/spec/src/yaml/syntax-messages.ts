import type { ErrorCode } from 'yaml';

/**
 * What each parse error means, in our words: the parser's own messages quote the text, which may be a secret.
 */
export const SYNTAX_MESSAGES: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'an alias cannot have an anchor or a tag',
  BAD_ALIAS: 'the name of an anchor or alias is malformed',
  BAD_COLLECTION_TYPE: 'this tag does not fit a map or a list',
  BAD_DIRECTIVE: 'a line with % at its start is not understood here',
  BAD_DQ_ESCAPE: 'unknown escape after \\ in double quotes; use single quotes to write a backslash as it is',
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BAD_PROP_ORDER: 'an anchor or tag stands in the wrong place',
  BAD_SCALAR_START: 'text that starts with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a map or list cannot start here; put quotes around text that contains ": "',
  BLOCK_IN_FLOW: 'inside [ ] or { } only the bracket notation is possible',
  DUPLICATE_KEY: 'the key is given twice',
  IMPOSSIBLE: 'is not valid YAML',
  KEY_OVER_1024_CHARS: 'a key cannot be longer than 1024 characters',
  MISSING_CHAR: 'something is missing here: a closing quote or bracket, a comma, or ":" after a key',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line, followed by ":"',
  MULTIPLE_ANCHORS: 'a value can have only one anchor',
  MULTIPLE_DOCS: 'a file holds one document; remove everything from the second "---" on',
  MULTIPLE_TAGS: 'a value can have only one tag',
  NON_STRING_KEY: 'a key must be a plain word',
  RESOURCE_EXHAUSTION: 'is nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation; YAML needs spaces',
  TAG_RESOLVE_FAILED: 'YAML tags (a word after !) are not allowed here',
  UNEXPECTED_TOKEN: 'this is not expected here; text with special characters needs quotes',
};
