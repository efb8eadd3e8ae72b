"""StarGAN v2 in use: sheets, samples, videos, the page, exported models, measurements."""
