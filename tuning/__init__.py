"""Which network and training do best: KerasTuner over configurations, judged as users judge.

`tfmsnet.tuning.search.search` does all of it; `tfmsnet tune` calls it.
"""
