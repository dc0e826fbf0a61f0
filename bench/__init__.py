"""What Interposer's promises cost, each measured beside a calibration in the same run.

Machines are shared and noisy: a figure alone says little. So every measurement alternates with its calibration for
several rounds, and what counts is the median of the rounds' ratios.
"""
