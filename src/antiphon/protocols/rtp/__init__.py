"""RTP: packets, reports, codecs of the telephone network, SRTP keyed by SDES, and a bounded jitter buffer. Pure."""
