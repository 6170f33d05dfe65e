/** What packet-level faults need of the kernel, each tried by itself. */
export type ShapingFeature = 'ifb' | 'classifier' | 'netem' | 'tbf';

/** Where distributions keep the modules that their smaller kernels leave out. */
const EXTRA =
  'some systems have it in an extra package: linux-modules-extra-$(uname -r) on Ubuntu, kernel-modules-extra on RHEL and Fedora';

/** What is said where a feature is missing, and what to do about it: by `squall doctor`, and by kinds that refuse. */
export const SHAPING_MENDS: Record<ShapingFeature, { lacking: string; mend: string }> = {
  ifb: {
    lacking: 'this host has no ifb devices, which hold packets back',
    mend: `Install iproute2 where it is missing, and load the kernel module with \`modprobe ifb numifbs=0\`; ${EXTRA}`,
  },
  classifier: {
    lacking: 'this host has no eBPF classifiers (clsact, bpf, mirred), which pick packets',
    mend: 'Needs Linux 5.8 or newer with the modules sch_ingress, cls_bpf and act_mirred, and a tc that loads eBPF (iproute2 built with libbpf)',
  },
  netem: {
    lacking: 'the kernel of this host has no netem',
    mend: `Load the kernel module with \`modprobe sch_netem\`; ${EXTRA}; kernels of WSL 2 and Docker Desktop may lack it`,
  },
  tbf: {
    lacking: 'the kernel of this host has no tbf',
    mend: `Load the kernel module with \`modprobe sch_tbf\`; ${EXTRA}`,
  },
};
