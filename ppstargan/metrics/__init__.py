"""The figures of the paper's tables: FID (lower is better), with KID, and LPIPS (a higher mean is more diverse)."""
