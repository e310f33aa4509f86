import type { SystemNeed } from '@bowline/host';
import type { Bowl } from '@bowline/spec';

/** What decides which programs of the host a build uses. */
export interface BuildNeedsRequest {
  bowl: Bowl;
  offline: boolean;
  isRoot: boolean;
}

const BUBBLEWRAP: SystemNeed = { title: 'bubblewrap', anyOf: ['bwrap'], debianPackages: ['bubblewrap'] };
const MMDEBSTRAP: SystemNeed = { title: 'mmdebstrap', anyOf: ['mmdebstrap'], debianPackages: ['mmdebstrap'] };
const UIDMAP: SystemNeed = { title: 'user namespaces (newuidmap)', anyOf: ['newuidmap'], debianPackages: ['uidmap'] };
const BUILDAH: SystemNeed = { title: 'buildah', anyOf: ['buildah'], debianPackages: ['buildah'] };
/** buildah 1.39 (Debian 13) asks for it also where it makes no network. */
const NETAVARK: SystemNeed = {
  title: 'networks for containers (netavark)',
  anyOf: ['/usr/lib/podman/netavark', '/usr/libexec/podman/netavark', 'netavark'],
  debianPackages: ['netavark'],
};

/** Programs of the host that getting a bowl's inputs and building them needs, and nothing more. */
export function buildNeeds({ bowl, offline, isRoot }: BuildNeedsRequest): SystemNeed[] {
  return [
    BUBBLEWRAP,
    ...(offline ? [] : [MMDEBSTRAP]),
    ...(isRoot && !usesBuildah(bowl) ? [] : [UIDMAP]),
    ...(usesBuildah(bowl) ? [BUILDAH, NETAVARK] : []),
  ];
}

/** Docker and podman are named by who has them; a Debian base takes `packages:` in its own step. */
function usesBuildah({ base, packages }: Bowl): boolean {
  const { dockerfile } = base;
  if (dockerfile !== undefined) return typeof dockerfile === 'string' || dockerfile.engine === 'buildah';
  return packages.length > 0 && base.debian === undefined;
}
