import { mkdirSync, writeFileSync } from 'node:fs';
import { renderCliReference, renderExitCodes } from '../apps/cli/src/reference/render.ts';
import { renderJsonSchema } from '../packages/spec/src/docs/json-schema.ts';
import { renderMachineJsonSchema } from '../packages/spec/src/docs/machine-json-schema.ts';
import { renderMachineReference } from '../packages/spec/src/docs/machine-reference.ts';
import { renderReference } from '../packages/spec/src/docs/reference.ts';
import { renderFunctionReference } from '../packages/template/src/functions/reference.ts';

// Writes what is generated from the schemas and the command line; tests beside them fail when these files are stale.
const root = new URL('../', import.meta.url);
mkdirSync(new URL('docs/reference/', root), { recursive: true });
writeFileSync(new URL('bowl.schema.json', root), renderJsonSchema());
writeFileSync(new URL('docs/reference/bowl.md', root), renderReference());
writeFileSync(new URL('cloud-config.schema.json', root), renderMachineJsonSchema());
writeFileSync(new URL('docs/reference/cloud-config.md', root), renderMachineReference());
writeFileSync(new URL('docs/reference/cli.md', root), renderCliReference());
writeFileSync(new URL('docs/reference/exit-codes.md', root), renderExitCodes());
writeFileSync(new URL('docs/reference/template-functions.md', root), renderFunctionReference());
