"""What was measured to need machine code, and how it is compiled.

Numba compiles a function when it is first called and keeps the result beside the package, or in the user's cache folder
where that cannot be written. The functions hold no state and take secrets as arguments only: nothing secret is kept.
"""
