import { mkdirSync, writeFileSync } from 'node:fs';
import { renderJsonSchema } from '../packages/spec/src/docs/json-schema.ts';
import { renderReference } from '../packages/spec/src/docs/reference.ts';

// Writes what is generated from the bowl schema; a test of packages/spec fails when these files are stale.
const root = new URL('../', import.meta.url);
mkdirSync(new URL('docs/reference/', root), { recursive: true });
writeFileSync(new URL('bowl.schema.json', root), renderJsonSchema());
writeFileSync(new URL('docs/reference/bowl.md', root), renderReference());
