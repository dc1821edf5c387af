import multiprocessing as mp


def worker(tasks, results):
    while (task := tasks.get()) is not None:
        results.put(sum(i * task for i in range(20000)))


if __name__ == "__main__":
    mp.set_start_method("fork")
    tasks, results = mp.Queue(), mp.Queue()
    workers = [mp.Process(target=worker, args=(tasks, results)) for _ in range(2)]
    for process in workers:
        process.start()
    for i in range(20):
        tasks.put(i)
    for _ in range(20):
        results.get()
    for _ in workers:
        tasks.put(None)
    for process in workers:
        process.join()
