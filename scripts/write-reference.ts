import { mkdirSync, writeFileSync } from 'node:fs';
import { renderCliReference, renderExitCodes } from '../apps/cli/src/reference/render.ts';
import { renderJsonSchema } from '../packages/spec/src/docs/json-schema.ts';
import { renderReference } from '../packages/spec/src/docs/reference.ts';

// Writes what is generated from the bowl schema and the command line; tests beside them fail when these files are stale.
const root = new URL('../', import.meta.url);
mkdirSync(new URL('docs/reference/', root), { recursive: true });
writeFileSync(new URL('bowl.schema.json', root), renderJsonSchema());
writeFileSync(new URL('docs/reference/bowl.md', root), renderReference());
writeFileSync(new URL('docs/reference/cli.md', root), renderCliReference());
writeFileSync(new URL('docs/reference/exit-codes.md', root), renderExitCodes());
