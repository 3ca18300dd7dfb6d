"""The benchmark: Gorilla Comb beside the floor and its peers, on a real tree, on this machine.

    python -m tests.benchmarks            everything; writes RESULTS.md beside this file
    python -m tests.benchmarks --help     one case, fewer runs, other peers

A run goes: make the tree (`trees`, `project`), compile the floor (`floor`), name the programs
(`contenders`), time them in turn (`cases`, `series`, `process`), sample memory (`memory`), compare
the groups found (`groups`), describe the machine (`machine`) and write it all down (`report`).
Everything is written below one cache folder, `.bench/` (`places`).
"""
