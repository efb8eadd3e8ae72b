"""What others publish (data sets, networks): brought here, checked, unpacked and converted."""
