import type { Bowl } from '@bowline/spec';
import { runMmdebstrap } from '../toolbox/debian-tree.ts';
import { hostArch, requireExecutable } from './foreign-arch.ts';
import { requestDigest, type SourcePlan } from './pin.ts';
import type { ResolveContext } from './source.ts';

type DebianWish = NonNullable<Bowl['base']['debian']>;

/**
 * Plans a `debian:` base. `packages` of the bowl itself are installed in the same run: apt would do nothing else afterwards.
 * A foreign architecture executes its maintainer scripts, so it needs qemu-user.
 */
export function planDebian(wish: DebianWish, morePackages: readonly string[], context: ResolveContext): SourcePlan {
  const packages = [...new Set([...wish.packages, ...morePackages])].sort();
  const origin = debianOrigin(wish, packages);
  return {
    kind: 'debian',
    request: requestDigest({ kind: 'debian', suite: wish.suite, variant: wish.variant, packages, arch: context.arch }),
    origin,
    local: false,
    async make(pinned) {
      if (context.arch !== hostArch()) await requireExecutable(context.arch, `A debian: base for ${context.arch}`);
      const tree = await runMmdebstrap(
        {
          suite: wish.suite,
          arch: context.arch,
          variant: wish.variant,
          include: packages,
          excludeDocs: true,
          ...(pinned?.packages === undefined ? {} : { pins: pinned.packages }),
        },
        {
          host: context.host,
          store: context.store,
          scratch: context.scratch,
          progress: context.progress,
          signal: context.signal,
          maxBytes: context.limits.maxLayerBytes,
        },
      );
      return { layers: [{ ...tree.layer, origin }], packages: tree.packages };
    },
  };
}

/** In words: `debian trixie minbase with openssh-server, systemd-sysv`. */
function debianOrigin(wish: Pick<DebianWish, 'suite' | 'variant'>, packages: readonly string[]): string {
  return `debian ${wish.suite} ${wish.variant}${packages.length === 0 ? '' : ` with ${packages.join(', ')}`}`;
}
