-- The standard training loop. It uses nothing that a loop in an experiment could not use: copy it to begin your own.
return function(trial, net, data)
  for epoch in trial:epochs() do
    for batch in data:batches "train" do
      net:train(batch)
    end
    local metrics = { lr = net:lr() }
    metrics.train_loss, metrics.train_acc = net:running()
    if data:count "valid" > 0 then metrics.valid_loss, metrics.valid_acc = net:evaluate "valid" end
    metrics.test_loss, metrics.test_acc = net:evaluate "test"
    trial:report(metrics)
  end
end
